"""Static files in production: named by their content, so that browsers may keep them for ever."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Renames inside our ES modules, too, which import each other by relative paths."""

    support_js_module_import_aggregation = True
