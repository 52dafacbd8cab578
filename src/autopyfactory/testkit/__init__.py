"""Contract test classes that plugin authors subclass."""
