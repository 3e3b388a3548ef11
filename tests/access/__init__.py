"""Who gets in where: every address of the portal for a visitor, customers, an agent and each role of staff.

``tables`` says it, ``things`` makes what the addresses name, ``test_access`` asks for each.
"""
