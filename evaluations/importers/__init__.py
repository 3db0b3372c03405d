"""What comes in from files, a module per format; everything here streams and touches no table."""
