"""Tiny frames with their codestreams, written by releases that were found right.

The values hold both ends of the range. They were decoded alike by OpenJPH and OpenJPEG.
"""

from __future__ import annotations

from base64 import b85decode
from dataclasses import dataclass

from dicube_core.pixels import PixelFormat

__all__ = ["HTJ2K_CASES", "PCODEC_CASES", "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One frame.

    Parameters
    ----------
    name : str
        What it shows.
    pixel_format : PixelFormat
        Of the frame.
    values_text, codestream_text : str
        Stored values, little endian and row by row, and the codestream, both in base 85.
    fragile : int or None
        Byte of the codestream at which 0xFF is damage that a decoder notices while it is at
        work. imagecodecs returns zeros then, and no error, unless one looks for it.
    """

    name: str
    pixel_format: PixelFormat
    values_text: str
    codestream_text: str
    fragile: int | None

    @property
    def values(self) -> bytes:
        """The stored values as bytes."""
        return b85decode(self.values_text)

    @property
    def codestream(self) -> bytes:
        """The encoded frame."""
        return b85decode(self.codestream_text)

    @property
    def damaged(self) -> bytes | None:
        """The same with damage that must be an error, None where there is no such variant."""
        if self.fragile is None:
            return None
        data = self.codestream
        return data[: self.fragile] + b"\xff" + data[self.fragile + 1 :]


HTJ2K_CASES: tuple[Case, ...] = (
    Case(
        "unsigned 8 bit",
        PixelFormat(5, 6, 8, 8, 0),
        "0RI31kt4;4-w=$1hne74?=v>?%rJXiWiw%@AO!",
        "|4;u>04YEK0000600005000000000000006000050000000000009R90sl|{2mk^A00092QUDA90ssL31q1{@0smY8"
        "6Cg-XP*6}%P*6}%P*6}vNJ#%=02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000asUDUlfWhL0LOFy006)ez!Ja`"
        "fad@QbO8PUM|1${00(pcz!N|dKoWo<%mE8@09w=lLNoy80Ect{z%3XBOaib%M~<~MCD6dx0fo3B19`Xr2t_RS0g-vN"
        "0CiR3dNDKr5P-dw0RPz",
        129,
    ),
    Case(
        "signed 8 bit",
        PixelFormat(5, 6, 8, 8, 1),
        "fPVmiW3fqmQ*}YFDbRc&YTVB4y#638N&fXgsr&",
        "|4;u>04YEK000060000500000000000000600005000000000000D;q0sl|{2mk^A00092QUDA90ssL31q1{@0smY8"
        "6Cg-XP*6}%P*6}%P*6}vNJ#%=02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000asUDUlfWhR00(pc006)ez!Ja`"
        "fcyZ*bO74`hjakX0Ect{z!N|dKoWq?_yB`+02QzRLNoy40Ect{z%3XBTmq<!zqL(O0XE{y0tL7s0Q)!q_$|Yn1pFX_"
        "d9?r@<gIGZ5W)P_0RPz",
        129,
    ),
    Case(
        "unsigned 12 bit",
        PixelFormat(6, 5, 16, 12, 0),
        "0093F00031Ck{IY;Q{vnVFcj`2LjUo!3iu5Jp!5yE&z%R?GGdXRS$~~EC{I&wgO)Xh6g(h1_Vb8",
        "|4;u>04YEK0000500006000000000000005000060000000000009dD0sl|{2mk^A000XAQUDA90ssL31q1{@0smY8"
        "6Cj9?kdTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000jQ|1vlfVEa+X07k0002M0206e"
        "6F>kH0FVL)bO84J0|#^f9r6Q*bO68r6TkoyzyK2fZE4a23v>XJbm;>DbO0*%1BY|~zyK?t02ZtO0=&#OlXk%8C&gR<"
        "amO_PKs;Bya79!xdowcb009gBG6BAs09`OJU+4xxp7Qbn%;A*)|Je",
        129,
    ),
    Case(
        "unsigned 16 bit",
        PixelFormat(6, 5, 16, 16, 0),
        "00960000313^Pv*waDW`V7(eOjJRKnL(7oa09b#&-}<+1U@07n4!xnEZZ`kKH|9+rt8+ics=Tu=",
        "|4;u>04YEK0000500006000000000000005000060000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY8"
        "6Cj9?kdTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000n*ag-lfVEbX7mGxbN~PVzyK3K"
        "024p}69BWr1c!70ij)NhbO7M;1c!70zyK8x00l$<0Wc8IU-|@tbO4MR-RuPcbO2cC1qXBhzyK{600p%G0JH#HJE|{;"
        "+A!J!0lTCJ`vWxqi)1}o;R(U1k<+^WFi9r@#r`Zs=7WK~m;k_bEY?`lttI<R2o*VFlmP$P",
        129,
    ),
    Case(
        "signed 16 bit",
        PixelFormat(6, 5, 16, 16, 1),
        "0D%900004iJ?dmz&E{-ECWKn6?UXbMuGL12D*jxXt*y=Y@7}&$`MgWFu`j@*lY6dmDd~;yoxEwD",
        "|4;u>04YEK000050000600000000000000500006000000000000EBy0sl|{2mk^A000XAQUDA90ssL31q1{@0smY8"
        "6Cj9?kdTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000o&W*=lfVEb3H}5JbN~PVzyK3K"
        "024p}69AR_1BY|~bMym;bO6Aj1&4G1zyK8x00l$<0Wd^~RLlhfbO1?HX7~hwbN~;)1c!70zyK{600p-I0JMN^4Q-Cf"
        "`5@7p<)Zupnt`<dPOm^AP3$(Yuwm)@hvmIIP5c7F7ySqUdpQ6Z<*81!64-Xr5)7RF37W$-0RPz",
        129,
    ),
    Case(
        "RGB of 8 bit",
        PixelFormat(4, 5, 8, 8, 0, photometric_interpretation="RGB", samples_per_pixel=3),
        "0RI317M#XYBgnH+C$NZZ3Yi6K&p1lZ*cuSyZjvZM!aPEB2>%+aNEr-@Z}v)&A^LIn=pWQNvDBtU",
        "|4;u>053oQ000050000400000000000000500004000000000000RdB0S5sA2LS>9Pyh%30ssI21OHM03;+TE0RaUB"
        "1V91*TmTawP*_-4SXfwCSXfwCSWr+<|6~9c00B>MWo}APNFY{aav(4+GBz$VF8`1K3IG5A008X(0soW05`g0X2Xp|y"
        "5&--sa{#~+0Q@I&000000002M2|&aEhjakI2|$Gb2Xp|y2|&mJ2Xp|y2_OW}0#N=Ja{&DM00J}sk^u*F0Kf@g1keId"
        "_W%cU07%~eLNovi0ta*ezzJXk&;n5U07rBHG}8b=GypdO2Xp|y6TlTv1wePCjQ}H*0Eb?23Gf4xezgD!<$dx1gERoZ"
        "6%Ykn0a8!_*T?|FGyt?Z?0h`@0fT=v0MA#i(ft6yv;e>r5CvobQiV$_-~eNk0QQv)uQ%-gAOU%{0MEr8QS<<TlmP$P",
        135,
    ),
)

PCODEC_CASES: tuple[Case, ...] = (
    Case(
        "real 32 bit",
        PixelFormat(3, 4, 32, 32, 0, real=True),
        "006*$0001h004l0!WIDliM?FE%^m<ix;VPNlP>PP_s_{b2D9Hk;qe!~(E~I;",
        "L{LLd0S5s90{{R31ONa4NB{r;;XQMvaAR*F0{{a91OWvL0000G0I(Ap1p)zzy&S)Zy<9(vz1+S`)LlOS00012++2Up"
        "grWfUj&1>gjV6AOa6Esg%R~WN!H|9c",
        None,
    ),
    Case(
        "signed 64 bit",
        PixelFormat(3, 4, 64, 64, 1),
        "000000001h|NsC0|NsAg00000000000RR910001hO1*1+r0kKVG9gW22_JyK!|$B%VrXMm#d$Dxf6aiGziG%Wk(f5d"
        "HoVihg1DyhWdVLO34|EyBZ99ZU7YX=",
        "L{LLd0R{m80{{R31ONa4dH?_b{+cpOaAR*F0{{a91OWsK0000a01yBG000000Du4&=fT+hH3MD%0T2OubPS&p0cHNs"
        "cMP8s0cHNs77pzklzc=yw4HLSCr16F_}8)Njcbbk0ssI200000=)Yg$Ml9F5#0iZK4Xl@NfgU#XCfZ(3c_I9@c00e#"
        "0RR",
        None,
    ),
    Case(
        "unsigned 16 bit",
        PixelFormat(3, 4, 16, 16, 0),
        "0096000031v)JW^qIsI3<(e}5myB$u",
        "L{LLd0RaI30{{R31ONa4E&u=kt;HYGaAR*F0{{a91OW#N0000Y0000WD4GWW3>D}yG~#Qh0RRC1WGDnuuwFvB1po",
        None,
    ),
)
