sandbox changes "My Dev"
