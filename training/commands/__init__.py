"""The commands behind `marquee NAME`, one file each."""
