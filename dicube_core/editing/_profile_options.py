"""What the options of the Basic Profile change: the option columns of PS3.15 table E.1-1.

Only what cannot be told from the profile's own table and the VR is listed. An attribute that is
missing here is treated as the Basic Profile has it: an option can only be kept too narrowly.
"""

from __future__ import annotations

__all__ = [
    "CLEANED_CHARACTERISTICS",
    "DESCRIPTORS",
    "DEVICE",
    "IDENTIFYING",
    "INSTITUTION",
    "NEVER_RETAINED_DATES",
    "PATIENT_CHARACTERISTICS",
    "RETAINED_TIMES",
    "RETAINED_UID_SEQUENCES",
    "SAFE_PRIVATE",
]


def _tags(text: str) -> frozenset[int]:
    return frozenset(int(tag, 16) for tag in text.split())


#: What tells a patient apart beside UIDs and names of persons: names, numbers, addresses, dates
#: of birth, and who and what a visit was for.
IDENTIFYING = _tags("""
    00080050 00080090 00081048 00081050 00081060 00081070 00100010 00100020 00100030 00101000
    00101001 00101005 00101040 00101060 00102154 00102155 00321032 00380010 00380300 00400006
    00401001 00402016 00402017""")

#: E.3.8 Retain Device Identity.
DEVICE = _tags("""
    00081010 0016004E 0016004F 00160050 00160051 00181000 00181002 00181004 00181005 00181007
    00181008 00181009 0018100A 0018100B 0018700A 00189367 00189371 00189373 00321020 00321021
    00400001 00400010 00400011 00400241 00400242 00404025 00404027 00404028 00404030 00500020
    300A00B2 300A0216 3010002D 30100043 30080105""")

#: E.3.11 Retain Institution Identity.
INSTITUTION = _tags("""
    00080080 00080081 00080082 00081040 00081041 00120030 00120031 00120060 00120081""")

#: E.3.7 Retain Patient Characteristics: kept as they are ...
PATIENT_CHARACTERISTICS = _tags("""
    00100040 00101010 00101020 00101030 00102160 001021A0 001021C0 00102203""")
#: ... and kept after cleaning.
CLEANED_CHARACTERISTICS = _tags("00102110 00380050 00380500 00400012")

#: E.3.5 Clean Descriptors.
DESCRIPTORS = _tags("""
    00081030 0008103E 00081080 00081084 00082111 00084000 00102000 00102110 00102180 001021B0
    00104000 00120051 00120072 0016002B 0016004B 00180010 00181030 00181400 00184000 00189185
    0018937B 0018937F 00189424 0018A003 00204000 00209158 00321030 00321060 00321066 00321067
    00321070 00324000 00380040 00380062 00380500 00384000 00400007 00400254 00400275 00400280
    0040051A 00400600 00400602 00401002 0040100A 00401400 00402001 00402400 00500021 22000002
    300A0002 300A0003 300A0004 300A000E 300A0016 300A0072 300A00C3 300A00DD 300A0196 300A01A6
    300A01B2 300A02EB 300A0608 300A0619 300A0623 300A062A 300A0676 300A067C 300A067D 300C0113
    3010000F 30100017 30100033 30100034 30100035 30100036 30100037 30100038 30100054 30100056
    3010005A 3010005C 30100061 30100077 3010007A 3010007B 3010007F 30100081 4008010B 40080115
    40080300 40084000""")

#: Dates that no option retains: birth, and the time a position was taken at.
NEVER_RETAINED_DATES = _tags("00100030 00100032 00160077")
#: Retained with the dates though their VR is another: offset from UTC, time stamp of a frame.
RETAINED_TIMES = _tags("00080201 00340007")
#: Sequences that Retain UIDs keeps for the references in them.
RETAINED_UID_SEQUENCES = _tags("00081110 00081111 00081140 00082112")

#: E.3.10 Retain Safe Private: (creator, group, last two digits). A part of table E.3.10-1:
#: b-values and gradients, scale factors of PET and MR, table speed and pitch of CT.
SAFE_PRIVATE = frozenset(
    (
        *(("ELSCINT1", 0x00E1, n) for n in (0x21,)),
        *(("ELSCINT1", 0x01E1, n) for n in (0x26, 0x50)),
        *(("ELSCINT1", 0x01F1, n) for n in (0x01, 0x07, 0x26, 0x27)),
        *(("GEMS_ACQU_01", 0x0019, n) for n in (0x23, 0x24, 0x27, 0x9E)),
        *(("GEMS_PARM_01", 0x0043, n) for n in (0x27, 0x39, 0x6F)),
        *(("GEMS_HELIOS_01", 0x0045, n) for n in (0x01, 0x02)),
        *(("SIEMENS MR HEADER", 0x0019, n) for n in (0x0C, 0x0D, 0x0E, 0x27)),
        *(("Philips Imaging DD 001", 0x2001, n) for n in (0x03, 0x04)),
        *(("Philips MR Imaging DD 001", 0x2005, n) for n in (0x0D, 0x0E)),
        *(("Philips PET Private Group", 0x7053, n) for n in (0x00, 0x09)),
    )
)
