"""Small real inputs for the tests: videos made on the spot, each frame of which carries its own index in the pixels."""
