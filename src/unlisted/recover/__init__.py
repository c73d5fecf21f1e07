"""Are we clean again? Proof that it is quiet, the way off each list, and what came back."""
