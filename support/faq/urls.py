from django.urls import path

from support.faq import views

urlpatterns = [
    path("", views.faq, name="faq"),
    # Before the categories, of which none may be called so.
    path("search/", views.faq_search, name="faq_search"),
    path("<slug:category>/", views.faq_category, name="faq_category"),
    path("<slug:category>/<slug:question>/", views.faq_question, name="faq_question"),
]
