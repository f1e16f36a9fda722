module landbridge.invalid/pause

go 1.24
