sandbox list > /dev/full
