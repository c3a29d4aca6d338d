"""The algorithm's version, stored with every fingerprint and link; versions are never compared."""

ENGINE_VERSION = "1"
