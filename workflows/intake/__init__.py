"""The one seam to the mollifier."""
