"""Values of the field: digests, references, platforms, descriptors, manifests. No I/O."""
