from allauth.account import forms


class LoginForm(forms.LoginForm):
    pass


class SignupForm(forms.SignupForm):
    pass
