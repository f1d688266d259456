"""Signs and words that lists and prices are written with: no name of a service or an SP may hold them (safety.md 29)."""

# As NFKC writes them: a full-width comma is a plain one then.
LIST_SIGNS = "、。,;:"
# What ends an item, and what makes one of the number before it.
ITEM_END = ";"
BEHIND_ITEM_NUMBER = "、."
# Numerals that Unicode gives no value.
COUNT_WORDS = "两兩几幾半"
# Units of money behind a numeral, as patterns; minutes are none.
UNITS = ("元", "圆", "圓", "块", "塊", "角", "分(?![钟鐘])", "yuan", "rmb", "cny")
UNITS_BEFORE = ("rmb", "cny")
# As a unit of money only behind digits: 三毛 is a name.
SPOKEN_UNIT = "毛"
# Signs of money that Unicode does not count as one.
CURRENCY_SIGNS = "円"
# Anywhere in a text, its blanks left out, and as a word of its own.
FREE = ("免费", "免費")
FREE_WORD = "free"
# A sentence's end that browsers take for a host's dot.
WIDE_STOP = "。"
