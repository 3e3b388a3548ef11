from django.urls import path

from support import views

urlpatterns = [
    path("tickets/", views.tickets, name="tickets"),
    path("tickets/new/", views.ticket_new, name="ticket_new"),
    path("tickets/<slug:reference>/", views.ticket, name="ticket"),
    path("tickets/<slug:reference>/close/", views.ticket_close, name="ticket_close"),
    path("tickets/<slug:reference>/reopen/", views.ticket_reopen, name="ticket_reopen"),
    path("tickets/<slug:reference>/rate/", views.ticket_rate, name="ticket_rate"),
    path("attachments/<uuid:key>/", views.ticket_attachment, name="ticket_attachment"),
]
