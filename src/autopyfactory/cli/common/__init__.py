"""What the verbs share: options, output, errors, reading the store, wiring."""
