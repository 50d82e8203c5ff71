"""Programs and libraries that read DICOM, and how each is asked what it reads."""
