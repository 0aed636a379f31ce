mkdir gone; cd gone; rmdir ../gone; sandbox init
