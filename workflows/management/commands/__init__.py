"""Commands of the app, one file each."""
