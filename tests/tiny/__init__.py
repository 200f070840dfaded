"""The smallest checkpoint of each room, as nemo2riva would have exported it: a module a room, of one shape.

write_riva(path)   writes the `.riva` and returns its path
OPTIONS            options of riva-build that suit it
ask(address)       calls a server that has it deployed, with the stock client
ANSWER             what `ask` must return
"""
