"""Looking into images without copying them.

What they are made of, whether they are whole, how two of them differ. No trust policy is
asked: nothing is kept but what is said about an image.
"""
