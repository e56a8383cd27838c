"""What can be asked: a function for each call, which describes it and sends nothing.

Each is listed in `app.client.catalogue`, and is there in both clients.
"""
