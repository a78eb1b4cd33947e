"""Files of images, sound and video: which there are, in which split, and how they are decoded."""
