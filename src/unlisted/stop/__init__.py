"""Stop: hold the device, safely, and know that it is held."""
