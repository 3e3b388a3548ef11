username_validators: list = []
