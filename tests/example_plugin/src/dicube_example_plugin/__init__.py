"""A plugin of dicube-plugins, to be copied from."""
