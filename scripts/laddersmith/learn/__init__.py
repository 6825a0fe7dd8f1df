"""Making the model files: export, training and their gates. Needs requirements-dev; loading them is registry.py's."""
