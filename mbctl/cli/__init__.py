"""The command line. Modules here import what they need inside their functions, so that --help
answers at once; only printer.py prints."""
