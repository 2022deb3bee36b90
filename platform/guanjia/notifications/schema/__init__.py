"""Notices in the API: the inbox, and how members are told."""

import strawberry

from guanjia.notifications.schema import inbox, wording


@strawberry.type
class Query(inbox.Query, wording.Query):
    pass


@strawberry.type
class Mutation(inbox.Mutation, wording.Mutation):
    pass


Subscription = inbox.Subscription
