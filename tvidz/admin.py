"""What the admin leaves out: django-q2's schedules, which let one name any function to run."""

from django.contrib import admin
from django_q.models import Schedule

admin.site.unregister(Schedule)
