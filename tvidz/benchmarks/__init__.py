"""What `manage.py bench` measures, a module each. Nothing of the product imports this."""
