"""The lab: a real small office in network namespaces, and the same story simulated where there are none."""
