"""Values and rules of the gateway, without I/O. Imports the standard library, phonenumbers and gsm0338 only."""
