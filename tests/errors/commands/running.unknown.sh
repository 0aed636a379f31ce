sandbox inspect dev
