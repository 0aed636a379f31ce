sandbox changes dev
