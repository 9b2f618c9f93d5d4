"""Whether an image may be used: the trust policy, and signatures and what they prove.

Nothing here decides by exception: an image passes where every requirement says True, and
anything else is a refusal (`regcopy.errors.PolicyRejected`, or whatever went wrong).
"""
