"""Notices in the API: the inbox, and how members are told."""

import strawberry

from guanjia.notifications.schema import gateways, inbox, wording


@strawberry.type
class Query(inbox.Query, wording.Query, gateways.Query):
    pass


@strawberry.type
class Mutation(inbox.Mutation, wording.Mutation, gateways.Mutation):
    pass


Subscription = inbox.Subscription
