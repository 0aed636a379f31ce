sandbox generate man profile
