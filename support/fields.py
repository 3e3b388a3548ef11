"""What customers and staff write: a text that can be read, and files that are what they say."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from accounts.validators import visible
from callcentric.errors import Refused
from support import attachments
from support.attachments import File
from support.models.messages import FILES_A_MESSAGE

LONGEST_TEXT = 20_000


class TextField(forms.CharField):
    """A message. What is too long for one belongs into a file."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.Textarea(attrs={"rows": 7}))
        super().__init__(max_length=LONGEST_TEXT, validators=[visible], **options)
        self.error_messages["required"] = "Write something first."


class SeveralFiles(forms.FileInput):
    """The browser's own field for files, which takes several."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Up to five files, each looked at: ``cleaned_data`` has them as what they are by their content."""

    def __init__(self, **options: Any) -> None:
        widget = options.pop("widget", SeveralFiles)(attrs={"accept": attachments.ACCEPTED})
        help_text = f"Up to {FILES_A_MESSAGE} of 5 MB each: {attachments.IN_WORDS}."
        super().__init__(required=False, label="Attach files", help_text=help_text, widget=widget, **options)

    def clean(self, data: Any, initial: Any = None) -> list[File]:
        if problem := attachments.why_not_so_many(len(data or [])):
            raise ValidationError(problem)
        files, problems = [], []
        for upload in data or []:
            try:
                files.append(_judged(upload))
            except Refused as refused:
                problems.append(str(refused))
        if problems:
            raise ValidationError(problems)
        return files


class TokenField(forms.UUIDField):
    """What a form is known by, so that pressing its button twice writes once."""

    def __init__(self) -> None:
        super().__init__(widget=forms.HiddenInput, required=False, initial=uuid4)

    def clean(self, value: Any) -> UUID:
        return super().clean(value) or uuid4()


def sent(request: HttpRequest) -> tuple[Any, Any]:
    """What a form takes: data and files of a POST, nothing of a GET."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def _judged(upload: UploadedFile) -> File:
    name = upload.name or ""
    # Too large a file is refused before it is read.
    if problem := attachments.why_not_so_large(name, upload.size or 0):
        raise attachments.NotAttachable(problem)
    return attachments.judge(name, upload.read())
