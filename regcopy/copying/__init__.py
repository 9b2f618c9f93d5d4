"""The engine: plan, transfer, commit. It knows the contract of a transport, and no transport."""
