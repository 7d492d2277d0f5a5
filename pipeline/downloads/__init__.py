"""Tutorial videos from the web, with a ledger of where they came from."""
