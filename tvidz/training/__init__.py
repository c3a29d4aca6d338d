"""What is fitted to labelled videos rather than written down. Only commands import it.

scikit-learn and scipy are needed here and nowhere else; an import contract holds that.
"""
