sandbox wrap add --user 'My Dev'
