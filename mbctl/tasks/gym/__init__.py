"""The papers' benchmark tasks: Gymnasium's, version 5, and the MBBL variants of four of them."""
