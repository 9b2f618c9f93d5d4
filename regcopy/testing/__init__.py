"""For trials and for tests of transports: images made out of nothing, and the contract suite."""
