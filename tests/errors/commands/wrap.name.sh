sandbox wrap add 'My Dev'
