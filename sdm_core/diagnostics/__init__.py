"""What makes a result believable: jackknife, heterogeneity, small-study effects.  Empty until they come."""
