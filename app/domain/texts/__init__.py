"""All words sent to customers, Chinese and English side by side: facts first, one action, sign-off (flows.md)."""
