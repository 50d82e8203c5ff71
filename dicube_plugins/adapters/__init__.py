"""The adapters that come with this package: one light module each, named by an entry point."""
