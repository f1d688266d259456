"""Signs and words that names of services and SPs must not contain, as lists and prices use them (safety.md 29)."""

# In NFKC form, in which a full-width comma is a plain one.
LIST_SIGNS = "、。,;:"
# The sign that ends an item of a list, and the signs that make an item number of the digit before them.
ITEM_END = ";"
BEHIND_ITEM_NUMBER = "、."
# Numerals that have no numeric value in Unicode.
COUNT_WORDS = "两兩几幾半"
# Units of money after a numeral, as regular expressions; 分钟 (minutes) is not one.
UNITS = ("元", "圆", "圓", "块", "塊", "角", "分(?![钟鐘])", "yuan", "rmb", "cny")
UNITS_BEFORE = ("rmb", "cny")
# A unit of money only after digits: 三毛 is a name.
SPOKEN_UNIT = "毛"
# Currency signs that Unicode does not classify as such.
CURRENCY_SIGNS = "円"
# Words for free of charge: anywhere in a text without blanks, and as a separate word.
FREE = ("免费", "免費")
FREE_WORD = "free"
# The full stop that browsers convert to a dot in a host name.
WIDE_STOP = "。"
