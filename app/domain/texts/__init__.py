"""All texts that customers get, each in Chinese and English: facts first, one action, sign-off."""
