"""Questions across codecs and presets: what each costs and gains, which points none beats, which settings to take."""
